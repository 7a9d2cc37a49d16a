#pragma once

#include "CoreMinimal.h"

/// Game.ini as the test wrote it: one key.
struct FConfigCacheIni {
    bool GetString(const TCHAR*, const TCHAR*, FString& value, const FString&) const {
        value = Connection;
        return true;
    }
    FString Connection;
};

inline FConfigCacheIni StubConfig;
inline FConfigCacheIni* GConfig = &StubConfig;
inline FString GGameIni;
