#pragma once

#include "IImageWrapper.h"

struct IImageWrapperModule {
    TSharedPtr<IImageWrapper> CreateImageWrapper(EImageFormat) { return MakeShared<IImageWrapper>(); }
};
