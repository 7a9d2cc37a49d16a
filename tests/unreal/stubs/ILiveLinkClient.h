#pragma once

#include "ILiveLinkSource.h"

/// Live Link as far as a source sees it: remembers what it was given last.
class ILiveLinkClient {
public:
    static inline const FName ModularFeatureName = TEXT("LiveLink");

    void PushSubjectStaticData_AnyThread(const FLiveLinkSubjectKey& key, UClass*, FLiveLinkStaticDataStruct&& data) {
        Subject = key.SubjectName;
        Names = data.Held.PropertyNames;
    }
    void PushSubjectFrameData_AnyThread(const FLiveLinkSubjectKey&, FLiveLinkFrameDataStruct&& data) {
        Values = data.Held.PropertyValues;
        SceneTime = data.Held.MetaData.SceneTime;
        ++Frames;
    }
    FGuid AddSource(const TSharedPtr<ILiveLinkSource>&) { return {}; }

    FName Subject;
    TArray<FName> Names;
    TArray<float> Values;
    FQualifiedFrameTime SceneTime;
    int Frames = 0;
};
