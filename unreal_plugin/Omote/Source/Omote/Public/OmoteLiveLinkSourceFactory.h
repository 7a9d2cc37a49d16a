#pragma once

#include "CoreMinimal.h"
#include "LiveLinkSourceFactory.h"
#include "OmoteLiveLinkSourceFactory.generated.h"

/** "Omote" in the Live Link window's list of sources. */
UCLASS()
class OMOTE_API UOmoteLiveLinkSourceFactory : public ULiveLinkSourceFactory
{
	GENERATED_BODY()

public:
	virtual FText GetSourceDisplayName() const override { return FText::FromString(TEXT("Omote")); }
	virtual FText GetSourceTooltip() const override { return FText::FromString(TEXT("The face of a running Omote")); }
	virtual EMenuType GetMenuType() const override { return EMenuType::SubPanel; }
	virtual TSharedPtr<SWidget> BuildCreationPanel(FOnLiveLinkSourceCreated OnCreated) const override;
	virtual TSharedPtr<ILiveLinkSource> CreateSource(const FString& ConnectionString) const override;

	/** Adds the source while the game runs; false where there is no Live Link.
	 * @param Connection "params=tcp://HOST:5556;subject=omote;keys=FILE"; empty: as Game.ini says, or this machine. */
	UFUNCTION(BlueprintCallable, Category = "Omote")
	static bool AddOmoteSource(const FString& Connection);
};
