// The words with which Slate's widgets are made, as far as the plugin uses them.
#pragma once

#include "CoreMinimal.h"

class FReply {
public:
    static FReply Handled() { return {}; }
};

/// A widget that remembers what is in it, so that a test can look for it.
class SWidget {
public:
    virtual ~SWidget() = default;
    std::vector<std::shared_ptr<SWidget>> StubChildren;
    const void* StubKind = nullptr;
};

/// Tells one class of widgets from another; Unreal compiles without run-time types.
template <class Widget>
const void* StubKindOf() {
    static const char kind = 0;
    return &kind;
}

/// What `operator[]` puts a widget into.
struct TStubSlot {
    TStubSlot& AutoHeight() { return *this; }
    TStubSlot& operator[](const TSharedRef<SWidget>& widget) {
        Widget = widget.Pointer;
        if (Owner) Owner->StubChildren.push_back(Widget);
        return *this;
    }
    std::shared_ptr<SWidget> Widget;
    SWidget* Owner = nullptr;
};

template <class Widget>
struct TStubMaker {
    TSharedRef<Widget> operator<<=(const typename Widget::FArguments& arguments) const {
        auto made = std::make_shared<Widget>();
        made->StubKind = StubKindOf<Widget>();
        made->Construct(arguments);
        if (Exposed) Exposed->Pointer = made;
        return TSharedRef<Widget>(made);
    }
    TSharedPtr<Widget>* Exposed = nullptr;
};

#define SNew(Widget) TStubMaker<Widget>() <<= Widget::FArguments()
#define SAssignNew(exposed, Widget) TStubMaker<Widget>{&(exposed)} <<= Widget::FArguments()

#define SLATE_BEGIN_ARGS(Widget)                    \
public:                                             \
    struct FArguments {                             \
        using WidgetArgsType = FArguments;          \
        FArguments()
#define SLATE_EVENT(type, name)                     \
    WidgetArgsType& name(const type& handler) {     \
        _##name = handler;                          \
        return *this;                               \
    }                                               \
    type _##name;
#define SLATE_END_ARGS() \
    }                    \
    ;
