from .components import label_components as label_components
from .polarity import find_polarity as find_polarity
from .threshold import segment_by_threshold as segment_by_threshold
from .threshold import threshold_of_histogram as threshold_of_histogram
from .threshold import threshold_value as threshold_value
