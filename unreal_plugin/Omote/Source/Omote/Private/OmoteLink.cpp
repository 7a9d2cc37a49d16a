#include "OmoteLink.h"

#include "IImageWrapper.h"
#include "IImageWrapperModule.h"
#include "Misc/ConfigCacheIni.h"
#include "Modules/ModuleManager.h"

omote::Connection OmoteConnection(const FString& Changes)
{
	FString Configured;
	GConfig->GetString(TEXT("Omote"), TEXT("Connection"), Configured, GGameIni);
	const omote::Connection Found = omote::Connection().With(ToUtf8(Configured)).With(ToUtf8(Changes));
	if (!Found.keyFile.empty() && !OmoteLibraryError.IsEmpty())
	{
		throw omote::SettingsError(ToUtf8(OmoteLibraryError));
	}
	return Found;
}

/** Unreal's decoder, for the receiver's thread; its module is loaded here, on the game's. */
static omote::JpegDecoder UnrealJpegDecoder()
{
	IImageWrapperModule& Module = FModuleManager::LoadModuleChecked<IImageWrapperModule>(TEXT("ImageWrapper"));
	return [&Module](omote::Bytes Jpeg, int Width, int Height, omote::Order, std::uint8_t* Out)
	{
		const TSharedPtr<IImageWrapper> Wrapper = Module.CreateImageWrapper(EImageFormat::JPEG);
		TArray64<uint8> Raw;
		const bool bIsRead = Wrapper.IsValid() && Wrapper->SetCompressed(Jpeg.data, int64(Jpeg.size))
			&& Wrapper->GetRaw(ERGBFormat::BGRA, 8, Raw) && Raw.Num() == int64(Width) * Height * 4;
		if (bIsRead)
		{
			FMemory::Memcpy(Out, Raw.GetData(), Raw.Num());
		}
		return bIsRead;
	};
}

static std::shared_ptr<omote::Receiver> Started(omote::ReceiverSettings Settings)
{
	Settings.jpeg = UnrealJpegDecoder();
	const auto Receiver = std::make_shared<omote::Receiver>(Settings);
	Receiver->Start();
	return Receiver;
}

FOmoteLink::FOmoteLink(const omote::Connection& Connection, const std::string& Endpoint, const FString& Format)
	: Receiver(Started(Connection.SettingsFor(Endpoint, ToUtf8(Format), omote::Order::Bgra))) // PF_B8G8R8A8
	, Control(std::make_shared<omote::ControlClient>(Connection.control, Connection.Keys()))
	, Clock(std::make_shared<omote::ControlClient>(Connection.control, Connection.Keys()), Receiver)
{
}
