"""Stage `track`: which object of one frame is which of the next, and what happens to it.

- `link_labels`: objects of neighbouring frames by their overlap.
- `find_death_times`: from each frame's probability of being dead to one time of death per track.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
