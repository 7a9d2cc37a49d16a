#pragma once

#include "Widgets/DeclarativeSyntaxSupport.h"

class SVerticalBox : public SWidget {
public:
    struct FArguments {
        FArguments& operator+(const TStubSlot& slot) {
            Slots.push_back(slot.Widget);
            return *this;
        }
        std::vector<std::shared_ptr<SWidget>> Slots;
    };
    static TStubSlot Slot() { return {}; }
    void Construct(const FArguments& arguments) { StubChildren = arguments.Slots; }
    void ClearChildren() { StubChildren.clear(); }
    TStubSlot AddSlot() { return {nullptr, this}; }
};
