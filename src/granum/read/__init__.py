"""Files become an `Image`.

`read_image` reads one file, `read_series` several as frames, `find_inputs` turns files, folders and globs into paths,
`FORMATS` lists what can be read.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
