"""Files of every format there has been, which must load for ever; ``make.py`` wrote them once."""
