#pragma once

#include "omote/jpeg.h"

/// libjpeg as the receiver's decoder; nothing where the probe was built without it.
omote::JpegDecoder LibjpegDecoder();
