from .assay import Assay as Assay
from .assay import PlateImage as PlateImage
