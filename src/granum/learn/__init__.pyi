from .feature_set import FeatureSet as FeatureSet
from .intensity import IntensityScale as IntensityScale
from .intensity import map_features as map_features
from .intensity import measure_intensity as measure_intensity
from .scribbles import PixelClass as PixelClass
from .scribbles import Scribbles as Scribbles
from .training_data import TrainingData as TrainingData
from .training_data import TrainingImage as TrainingImage
