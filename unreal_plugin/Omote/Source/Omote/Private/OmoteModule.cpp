#include "HAL/FileManager.h"
#include "HAL/PlatformProcess.h"
#include "Interfaces/IPluginManager.h"
#include "Misc/Paths.h"
#include "Modules/ModuleManager.h"
#include "OmoteLink.h"

DEFINE_LOG_CATEGORY(LogOmote);
FString OmoteLibraryError;

/** On Windows, loads libzmq, where there is one, from the plugin's own folder before its first function is called. */
class FOmoteModule : public IModuleInterface
{
	virtual void StartupModule() override
	{
#if PLATFORM_WINDOWS && OMOTE_WITH_LIBZMQ
		const FString Base = IPluginManager::Get().FindPlugin(TEXT("Omote"))->GetBaseDir();
		const FString Folder = FPaths::Combine(Base, TEXT("Binaries/ThirdParty/Win64"));
		TArray<FString> Names;
		IFileManager::Get().FindFiles(Names, *FPaths::Combine(Folder, TEXT("libzmq*.dll")), true, false);
		FPlatformProcess::PushDllDirectory(*Folder); // libsodium lies beside it
		const bool bIsLoaded = Names.Num() > 0 && FPlatformProcess::GetDllHandle(*FPaths::Combine(Folder, Names[0]));
		FPlatformProcess::PopDllDirectory(*Folder);
		OmoteLibraryError = bIsLoaded ? FString() : TEXT("libzmq*.dll cannot be loaded from ") + Folder;
#endif
	}
};

IMPLEMENT_MODULE(FOmoteModule, Omote)
