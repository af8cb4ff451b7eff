"""Stage `track`: which object of one frame is which of the next, and what happens to it.

- `link_labels`: objects of two neighbouring frames by their overlap; divisions and merges.
- `TrackBuilder`: a series frame by frame to a table of tracks.
- `find_death_times`: from each frame's probability of being dead to one time of death per track.
- `list_events`, `list_lives`: what happened, and who lived from when to when.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
