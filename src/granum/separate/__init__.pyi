from .distance import distance_map as distance_map
from .distance import squared_distance_map as squared_distance_map
