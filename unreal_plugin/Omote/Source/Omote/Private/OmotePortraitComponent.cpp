#include "OmotePortraitComponent.h"

#include "Components/MeshComponent.h"
#include "Engine/Texture2D.h"
#include "GameFramework/Actor.h"
#include "Materials/MaterialInstanceDynamic.h"
#include "OmoteEngine.h"
#include "OmoteLink.h"
#include "omote/light.h"

void UOmotePortraitComponent::Start()
{
	Stop();
	LastError.Reset();
	try
	{
		const omote::Connection Found = OmoteConnection(Connection);
		Link = MakeShared<FOmoteLink>(Found, Found.video, Format);
	}
	catch (const std::exception& Caught) // also of a system that has no sockets or threads left
	{
		LastError = FromUtf8(Caught.what());
		UE_LOG(LogOmote, Error, TEXT("%s"), *LastError);
	}
}

void UOmotePortraitComponent::Stop()
{
	Link.Reset(); // joins its threads, which are woken; that takes milliseconds
	if (IsValid(Mesh))
	{
		Mesh->SetMaterial(0, MaterialBefore);
	}
	Mesh = nullptr;
	bIsOnMesh = false;
	Report();
}

void UOmotePortraitComponent::TickComponent(float DeltaS, ELevelTick Type, FActorComponentTickFunction* Function)
{
	Super::TickComponent(DeltaS, Type, Function);
	if (Type == LEVELTICK_ViewportsOnly && bShowInEditor != bRunsInEditor) // once for each change, also where it fails
	{
		bRunsInEditor = bShowInEditor;
		bShowInEditor ? Start() : Stop();
	}
	if (const auto Picture = Link ? Link->Pictures.Take(*Link->Receiver) : nullptr)
	{
		Show(Picture);
	}
	Report();
	for (const omote::Answer& Answer : Link ? Link->Control.TakeAnswers() : std::vector<omote::Answer>())
	{
		OnAnswered.Broadcast(FromUtf8(Answer.method), Answer.isDone, FromUtf8(Answer.text));
	}
}

void UOmotePortraitComponent::Show(const std::shared_ptr<const omote::Picture>& Picture)
{
	bIsPremultiplied = Picture->alpha == omote::Alpha::Premultiplied;
	const bool bIsNew = !Texture || Texture->GetSizeX() != Picture->width || Texture->GetSizeY() != Picture->height;
	if (bIsNew)
	{
		Texture = UTexture2D::CreateTransient(Picture->width, Picture->height, PF_B8G8R8A8);
		Texture->SRGB = true;
		Texture->NeverStream = true; // what may be streamed is not updated
		Texture->UpdateResource();
	}
	const auto Region = std::make_shared<FUpdateTextureRegion2D>(0, 0, 0, 0, Picture->width, Picture->height);
	// The render thread reads both later; they live as long as the function that it is given.
	Texture->UpdateTextureRegions(0, 1, Region.get(), Picture->width * 4, 4, const_cast<uint8*>(Picture->pixels.data()),
		[Picture, Region](uint8*, const FUpdateTextureRegion2D*) {});
	if (bIsNew || !bIsOnMesh)
	{
		ShowOnMesh();
	}
	if (bIsNew)
	{
		OnTextureChanged.Broadcast(Texture);
	}
}

void UOmotePortraitComponent::ShowOnMesh()
{
	bIsOnMesh = true; // also where there is no mesh: it is looked for once a connection, and for each new texture
	if (!Mesh && !TextureParameter.IsNone() && GetOwner())
	{
		Mesh = GetOwner()->FindComponentByClass<UMeshComponent>();
		MaterialBefore = Mesh ? Mesh->GetMaterial(0) : nullptr;
	}
	UMaterialInstanceDynamic* Material = Mesh ? Mesh->CreateDynamicMaterialInstance(0) : nullptr;
	if (Material)
	{
		Material->SetTextureParameterValue(TextureParameter, Texture);
	}
}

void UOmotePortraitComponent::Report()
{
	const omote::Statistics Found = Link ? Link->Receiver->Report() : omote::Statistics();
	FramesPerSecond = float(Found.fps);
	AgeMs = Found.isAgeKnown ? float(Found.ageP50Ms) : -1;
	AgeP99Ms = Found.isAgeKnown ? float(Found.ageP99Ms) : -1;
	Missed = int64(Found.missed);
	Skipped = int64(Found.skipped);
	Rejected = int64(Found.rejected);
	LastError = Link ? FromUtf8(Found.lastError) : LastError;
	const EOmoteState Before = State;
	State = static_cast<EOmoteState>(Found.state); // the same words in the same order
	if (State != Before)
	{
		OnStateChanged.Broadcast(State);
	}
}

/** Asks for something; does nothing where the component does not run. */
static void Ask(const TSharedPtr<FOmoteLink>& Link, const char* Method, omote::Arguments Arguments)
{
	if (Link)
	{
		Link->Control.Ask(Method, std::move(Arguments));
	}
}

void UOmotePortraitComponent::SetCharacter(const FString& Name)
{
	Ask(Link, "set_character", omote::Arguments().Text("name", ToUtf8(Name)));
}

void UOmotePortraitComponent::SetExpression(const FString& Name, float AttackS, float HoldS, float ReleaseS)
{
	omote::Arguments Arguments;
	Arguments.Text("name", ToUtf8(Name)).Number("attack", AttackS).Number("release", ReleaseS);
	Ask(Link, "set_expression", HoldS < 0 ? Arguments.Null("hold") : Arguments.Number("hold", HoldS));
}

void UOmotePortraitComponent::SetLight(FLinearColor Ambient, FLinearColor Key, FVector TowardsKey)
{
	// Unreal's X is forward, Y right and Z up; the portrait's right is that of its viewer, who faces it: the other way.
	const FVector Towards = GetOwner()->GetActorTransform().InverseTransformVectorNoScale(TowardsKey);
	omote::Light Light;
	Light.AddAmbient({Ambient.R, Ambient.G, Ambient.B});
	Light.AddDirectional({-Towards.Y, Towards.Z, Towards.X}, {Key.R, Key.G, Key.B});
	Ask(Link, "set_light", omote::Arguments().Numbers("harmonics", Light.Harmonics()));
}

void UOmotePortraitComponent::SetStudioLight()
{
	Ask(Link, "set_light", omote::Arguments().Null("harmonics"));
}

void UOmotePortraitComponent::Recalibrate()
{
	Ask(Link, "recalibrate", {});
}
