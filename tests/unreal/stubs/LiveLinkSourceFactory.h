#pragma once

#include "ILiveLinkSource.h"

class SWidget;

class ULiveLinkSourceFactory {
public:
    DECLARE_DELEGATE_TwoParams(FOnLiveLinkSourceCreated, TSharedPtr<ILiveLinkSource>, FString);
    virtual TSharedPtr<SWidget> BuildCreationPanel(FOnLiveLinkSourceCreated) const { return {}; }
    enum class EMenuType { SubPanel, MenuEntry, Disabled };
    virtual ~ULiveLinkSourceFactory() = default;
    virtual FText GetSourceDisplayName() const = 0;
    virtual FText GetSourceTooltip() const = 0;
    virtual EMenuType GetMenuType() const { return EMenuType::SubPanel; }
    virtual TSharedPtr<ILiveLinkSource> CreateSource(const FString&) const { return {}; }
};
