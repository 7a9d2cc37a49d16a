#pragma once

#include "Widgets/DeclarativeSyntaxSupport.h"

class STextBlock : public SWidget {
public:
    struct FArguments {
        FArguments& Text(const FText& text) {
            Held = text;
            return *this;
        }
        FArguments& AutoWrapText(bool) { return *this; }
        FText Held;
    };
    void Construct(const FArguments& arguments) { StubText = arguments.Held; }
    void SetText(const FText& text) { StubText = text; }
    FText StubText;
};
