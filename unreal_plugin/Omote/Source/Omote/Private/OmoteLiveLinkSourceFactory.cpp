#include "OmoteLiveLinkSourceFactory.h"

#include "Features/IModularFeatures.h"
#include "ILiveLinkClient.h"
#include "OmoteLiveLinkSource.h"
#include "SOmoteSourcePanel.h"

TSharedPtr<SWidget> UOmoteLiveLinkSourceFactory::BuildCreationPanel(FOnLiveLinkSourceCreated OnCreated) const
{
	return SNew(SOmoteSourcePanel).OnChosen(FOmoteConnectionChosen::CreateLambda([OnCreated](FString Connection)
	{
		OnCreated.ExecuteIfBound(MakeShared<FOmoteLiveLinkSource>(Connection), Connection);
	}));
}

TSharedPtr<ILiveLinkSource> UOmoteLiveLinkSourceFactory::CreateSource(const FString& ConnectionString) const
{
	return MakeShared<FOmoteLiveLinkSource>(ConnectionString);
}

bool UOmoteLiveLinkSourceFactory::AddOmoteSource(const FString& Connection)
{
	IModularFeatures& Features = IModularFeatures::Get();
	const FName Name = ILiveLinkClient::ModularFeatureName;
	const TSharedRef<ILiveLinkSource> Source = MakeShared<FOmoteLiveLinkSource>(Connection);
	return Features.IsModularFeatureAvailable(Name)
		&& Features.GetModularFeature<ILiveLinkClient>(Name).AddSource(Source).IsValid();
}
