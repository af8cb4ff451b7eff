from .formats import FORMATS as FORMATS
from .formats import Format as Format
from .formats import find_format as find_format
from .image_files import file_sha256 as file_sha256
from .image_files import find_inputs as find_inputs
from .image_files import read_image as read_image
from .image_files import read_series as read_series
