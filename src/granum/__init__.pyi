from . import batch as batch
from . import learn as learn
from . import measure as measure
from . import pipeline as pipeline
from . import plate as plate
from . import preprocess as preprocess
from . import read as read
from . import report as report
from . import samples as samples
from . import score as score
from . import segment as segment
from . import separate as separate
from . import track as track
from .errors import GranumError as GranumError
from .image import Image as Image
from .image import PixelSize as PixelSize

__version__: str
