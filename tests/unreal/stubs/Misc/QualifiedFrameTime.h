#pragma once

#include "CoreMinimal.h"

struct FFrameRate {
    FFrameRate() = default;
    FFrameRate(uint32 numerator, uint32 denominator) : Numerator(numerator), Denominator(denominator) {}
    uint32 Numerator = 60000, Denominator = 1001;
};

struct FFrameTime {
    static FFrameTime FromDecimal(double frames) { return {frames}; }
    double AsDecimal() const { return Frames; }
    double Frames = 0;
};

struct FQualifiedFrameTime {
    FQualifiedFrameTime() = default;
    FQualifiedFrameTime(const FFrameTime& time, const FFrameRate& rate) : Time(time), Rate(rate) {}
    FFrameTime Time;
    FFrameRate Rate;
};
