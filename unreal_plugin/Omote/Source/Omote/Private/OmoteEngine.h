#pragma once

// Where Unreal Engine 5.3 to 5.6 differ in what this plugin uses; every other file is the same for all of them. What is
// known, and how (tests/unreal/used-api.tsv of Omote's repository lists all that is used):
//
// - FUpdateTextureRegion2D: Engine/Texture2D.h only declares it. RHI.h brings the definition, whichever header of the
//   module holds it (Epic's API reference).
// - EAllowShrinking in the place of a bool, for what shrinks strings and arrays (public plugins have
//   UE_VERSION_OLDER_THAN(5, 5, 0) around SetNum and MidInline). Nothing here calls such a function.
// - IImageWrapperModule::CreateImageWrapper: the reference has preferred DecompressImage since 5.0, and still lists
//   IImageWrapper::SetCompressed and GetRaw on its latest pages.
// - Live Link Hub, which `SupportedPrograms` of Omote.uplugin names, came with 5.4; 5.3 ignores that line (Epic's
//   documentation of Live Link Hub).
#include "Misc/EngineVersionComparison.h"
#include "RHI.h"

#if UE_VERSION_OLDER_THAN(5, 3, 0)
#error "Omote needs Unreal Engine 5.3 or later"
#endif
