#pragma once

#include "Widgets/DeclarativeSyntaxSupport.h"

class SCompoundWidget : public SWidget {
public:
    SCompoundWidget() { ChildSlot.Owner = this; }

protected:
    TStubSlot ChildSlot;
};
