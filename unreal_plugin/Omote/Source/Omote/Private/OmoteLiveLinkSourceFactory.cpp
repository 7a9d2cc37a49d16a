#include "OmoteLiveLinkSourceFactory.h"

#include "Features/IModularFeatures.h"
#include "ILiveLinkClient.h"
#include "OmoteLiveLinkSource.h"

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
