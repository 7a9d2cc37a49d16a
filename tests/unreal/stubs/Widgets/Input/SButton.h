#pragma once

#include "Widgets/DeclarativeSyntaxSupport.h"

class SButton : public SWidget {
public:
    struct FArguments {
        FArguments& Text(const FText& text) {
            Held = text;
            return *this;
        }
        template <class Owner>
        FArguments& OnClicked(Owner* owner, FReply (Owner::*method)()) {
            Handler = [owner, method] { return (owner->*method)(); };
            return *this;
        }
        template <class Function>
        FArguments& OnClicked_Lambda(Function function) {
            Handler = std::move(function);
            return *this;
        }
        FText Held;
        std::function<FReply()> Handler;
    };
    void Construct(const FArguments& arguments) { StubArguments = arguments; }
    FArguments StubArguments;
};
