#pragma once

#include "CoreMinimal.h"
#include "Misc/QualifiedFrameTime.h"

struct UScriptStruct {
    std::shared_ptr<void> (*StubMake)();
};
template <class T>
UScriptStruct* StubStructOf() {
    static UScriptStruct type{[]() -> std::shared_ptr<void> { return std::make_shared<T>(); }};
    return &type;
}
struct UClass {};

struct FLiveLinkWorldTime {
    explicit FLiveLinkWorldTime(double time = 0) : Time(time) {}
    double Time;
};

struct FLiveLinkBaseStaticData {
    static UScriptStruct* StaticStruct() { return StubStructOf<FLiveLinkBaseStaticData>(); }
    TArray<FName> PropertyNames;
};

struct FLiveLinkMetaData {
    FQualifiedFrameTime SceneTime;
};

struct FLiveLinkBaseFrameData {
    static UScriptStruct* StaticStruct() { return StubStructOf<FLiveLinkBaseFrameData>(); }
    FLiveLinkWorldTime WorldTime;
    FLiveLinkMetaData MetaData;
    TArray<float> PropertyValues;
};

template <class Data>
struct TStubDataStruct {
    explicit TStubDataStruct(UScriptStruct* type) : Held(type->StubMake()) {}
    template <class Wanted>
    Wanted* Cast() {
        return static_cast<Wanted*>(Held.get());
    }
    std::shared_ptr<void> Held;
};
using FLiveLinkStaticDataStruct = TStubDataStruct<FLiveLinkBaseStaticData>;
using FLiveLinkFrameDataStruct = TStubDataStruct<FLiveLinkBaseFrameData>;

struct FLiveLinkSubjectKey {
    FLiveLinkSubjectKey() = default;
    FLiveLinkSubjectKey(FGuid source, FName name) : Source(source), SubjectName(name) {}
    FGuid Source;
    FName SubjectName;
};
