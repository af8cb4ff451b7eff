from .flags import flag_objects as flag_objects
from .intensity import measure_intensity as measure_intensity
from .neighbours import measure_neighbours as measure_neighbours
from .objects import measure_objects as measure_objects
from .shape import measure_shape as measure_shape
