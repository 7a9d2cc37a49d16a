#pragma once

#include "Widgets/DeclarativeSyntaxSupport.h"

class SEditableTextBox : public SWidget {
public:
    struct FArguments {
        FArguments& HintText(const FText& text) {
            Held = text;
            return *this;
        }
        FText Held;
    };
    void Construct(const FArguments& arguments) { StubHint = arguments.Held; }
    void SetText(const FText& text) { Held = text; }
    FText GetText() const { return Held; }
    FText StubHint, Held;
};
