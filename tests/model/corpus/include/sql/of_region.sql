SELECT :branch AS region, :floor AS floor
