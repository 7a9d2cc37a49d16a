#pragma once

#include <memory>

#include "Components/ActorComponent.h"
#include "CoreMinimal.h"
#include "OmotePortraitComponent.generated.h"

class UMaterialInterface;
class UMeshComponent;
class UTexture2D;
namespace omote { struct Picture; }

UENUM(BlueprintType)
enum class EOmoteState : uint8 { Stopped, Connecting, Refused, Live, Stale };

DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FOmoteTextureChanged, UTexture2D*, Texture);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FOmoteStateChanged, EOmoteState, State);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_ThreeParams(FOmoteAnswered, FString, Method, bool, bIsDone, FString, Text);

/** The living portrait as a texture, and control over the Omote that draws it. */
UCLASS(ClassGroup = (Omote), meta = (BlueprintSpawnableComponent))
class OMOTE_API UOmotePortraitComponent : public UActorComponent
{
	GENERATED_BODY()

public:
	UOmotePortraitComponent()
	{
		PrimaryComponentTick.bCanEverTick = true;
		bTickInEditor = true;
	}

	/** "video=tcp://HOST:5557;control=tcp://HOST:5558;keys=FILE"; empty: as Game.ini says, or this machine. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Omote") FString Connection;
	/** bgra8 on this machine; jpeg+lz4a over a network. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Omote") FString Format = TEXT("bgra8");

	/** Connects in the editor's viewport too, without play. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Omote") bool bShowInEditor = false;

	/** This texture parameter of the material of the owner's first mesh is the portrait; None: no mesh shows it. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Omote") FName TextureParameter = TEXT("Portrait");

	/** sRGB with alpha, first row on top; another object whenever the size changes. */
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") TObjectPtr<UTexture2D> Texture;
	/** Whether the texture's colours are multiplied by its alpha, as formats with ".premultiplied" ask for. */
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") bool bIsPremultiplied = false;
	/** Stale: half a second without a picture. Refused: no key file, or a wrong one. */
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") EOmoteState State = EOmoteState::Stopped;
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") float FramesPerSecond = 0;
	/** From the performer's camera to here, median and 99th percentile; -1 where it is not known yet. */
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") float AgeMs = -1;
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") float AgeP99Ms = -1;
	/** Pictures that were lost on the way, that came and were not shown, and messages that were none. */
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") int64 Missed = 0;
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") int64 Skipped = 0;
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") int64 Rejected = 0;
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") FString LastError;

	UPROPERTY(BlueprintAssignable, Category = "Omote") FOmoteTextureChanged OnTextureChanged;
	UPROPERTY(BlueprintAssignable, Category = "Omote") FOmoteStateChanged OnStateChanged;
	/** What came of a control call: its result as JSON, or why it was not done. */
	UPROPERTY(BlueprintAssignable, Category = "Omote") FOmoteAnswered OnAnswered;

	/** Connects, also after Connection or Format were changed. Called when play begins. */
	UFUNCTION(BlueprintCallable, Category = "Omote") void Start();
	UFUNCTION(BlueprintCallable, Category = "Omote") void Stop();

	UFUNCTION(BlueprintCallable, Category = "Omote") void SetCharacter(const FString& Name);
	/** Seconds; HoldS below 0: until the next expression. */
	UFUNCTION(BlueprintCallable, Category = "Omote")
	void SetExpression(const FString& Name, float AttackS = 0.15f, float HoldS = 1.0f, float ReleaseS = 0.3f);
	/** Light from all around and from one side, in linear colours; the portrait faces along the owner's X axis. */
	UFUNCTION(BlueprintCallable, Category = "Omote")
	void SetLight(FLinearColor Ambient, FLinearColor Key, FVector TowardsKey);
	UFUNCTION(BlueprintCallable, Category = "Omote") void SetStudioLight();
	UFUNCTION(BlueprintCallable, Category = "Omote") void Recalibrate();

	virtual void BeginPlay() override { Super::BeginPlay(); Start(); }
	virtual void EndPlay(const EEndPlayReason::Type Reason) override { Stop(); Super::EndPlay(Reason); }
	virtual void OnUnregister() override { Stop(); bRunsInEditor = false; Super::OnUnregister(); }
	virtual void TickComponent(float DeltaS, ELevelTick Type, FActorComponentTickFunction* Function) override;

private:
	void Show(const std::shared_ptr<const omote::Picture>& Picture);
	void ShowOnMesh();
	void Report();

	UPROPERTY(Transient) TObjectPtr<UMeshComponent> Mesh; // with a material instance of ours
	UPROPERTY(Transient) TObjectPtr<UMaterialInterface> MaterialBefore;

	TSharedPtr<struct FOmoteLink> Link;
	bool bRunsInEditor = false, bIsOnMesh = false;
};
