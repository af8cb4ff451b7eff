from .background import estimate_background as estimate_background
from .background import subtract_background as subtract_background
from .denoise import denoise_image as denoise_image
from .denoise import estimate_noise as estimate_noise
from .histogram import Histogram as Histogram
from .histogram import count_values as count_values
from .normalise import normalise_intensity as normalise_intensity
