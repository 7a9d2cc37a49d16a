#pragma once

#include "CoreMinimal.h"
#include "Misc/QualifiedFrameTime.h"

struct UScriptStruct {};
struct UClass {};

struct FLiveLinkWorldTime {
    explicit FLiveLinkWorldTime(double time = 0) : Time(time) {}
    double Time;
};

struct FLiveLinkBaseStaticData {
    static UScriptStruct* StaticStruct() { return nullptr; }
    TArray<FName> PropertyNames;
};

struct FLiveLinkMetaData {
    FQualifiedFrameTime SceneTime;
};

struct FLiveLinkBaseFrameData {
    static UScriptStruct* StaticStruct() { return nullptr; }
    FLiveLinkWorldTime WorldTime;
    FLiveLinkMetaData MetaData;
    TArray<float> PropertyValues;
};

template <class Data>
struct TStubDataStruct {
    explicit TStubDataStruct(UScriptStruct*) {}
    template <class Wanted>
    Wanted* Cast() {
        return &Held;
    }
    Data Held;
};
using FLiveLinkStaticDataStruct = TStubDataStruct<FLiveLinkBaseStaticData>;
using FLiveLinkFrameDataStruct = TStubDataStruct<FLiveLinkBaseFrameData>;

struct FLiveLinkSubjectKey {
    FLiveLinkSubjectKey() = default;
    FLiveLinkSubjectKey(FGuid source, FName name) : Source(source), SubjectName(name) {}
    FGuid Source;
    FName SubjectName;
};
