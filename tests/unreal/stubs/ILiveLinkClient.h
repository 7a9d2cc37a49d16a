#pragma once

#include "ILiveLinkSource.h"
#include "Roles/LiveLinkTransformRole.h"
#include "Roles/LiveLinkTransformTypes.h"

/// Live Link as far as a source sees it: remembers what it was given last.
class ILiveLinkClient {
public:
    static inline const FName ModularFeatureName = TEXT("LiveLink");

    void PushSubjectStaticData_AnyThread(const FLiveLinkSubjectKey& key, UClass* role, FLiveLinkStaticDataStruct&& data) {
        if (role == ULiveLinkTransformRole::StaticClass()) {
            Head = key.SubjectName;
            return;
        }
        Subject = key.SubjectName;
        Names = data.Cast<FLiveLinkBaseStaticData>()->PropertyNames;
    }
    void PushSubjectFrameData_AnyThread(const FLiveLinkSubjectKey& key, FLiveLinkFrameDataStruct&& data) {
        if (key.SubjectName.Text == Head.Text) {
            HeadTransform = data.Cast<FLiveLinkTransformFrameData>()->Transform;
            return;
        }
        Values = data.Cast<FLiveLinkBaseFrameData>()->PropertyValues;
        SceneTime = data.Cast<FLiveLinkBaseFrameData>()->MetaData.SceneTime;
        ++Frames;
    }
    FGuid AddSource(const TSharedPtr<ILiveLinkSource>&) { return {}; }

    FName Subject, Head;
    FTransform HeadTransform;
    TArray<FName> Names;
    TArray<float> Values;
    FQualifiedFrameTime SceneTime;
    int Frames = 0;
};
