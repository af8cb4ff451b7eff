from .death import DeathTimes as DeathTimes
from .death import find_death_times as find_death_times
from .events import list_events as list_events
from .events import list_lives as list_lives
from .overlap_links import link_labels as link_labels
from .track_builder import TrackBuilder as TrackBuilder
