// The plugin's Unreal layer, run against stubs of Unreal: a texture, a Live Link source, control.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <thread>

// Before Unreal's headers, whose `check` would reach into cppzmq's.
#include "control_server.h"
#include "discovery_peer.h"
#include "packed.h"
#include "publisher.h"
#include "test.h"

#include "Components/MeshComponent.h"
#include "Engine/Texture2D.h"
#include "ILiveLinkClient.h"
#include "Misc/ConfigCacheIni.h"
#include "Modules/ModuleManager.h"
#include "OmoteExpressionsComponent.h"
#include "OmoteLiveLinkSource.h"
#include "OmoteLiveLinkSourceFactory.h"
#include "OmotePortraitComponent.h"
#include "Widgets/Input/SButton.h"
#include "Widgets/Input/SEditableTextBox.h"
#include "Widgets/SBoxPanel.h"
#include "Widgets/Text/STextBlock.h"

namespace {

// A portrait that is fed, and the level that ticks it.
struct Scene {
    TestPublisher publisher;
    UOmotePortraitComponent portrait;
    AActor owner;

    explicit Scene(const std::string& more = "") {
        portrait.Connection = ("video=" + publisher.Endpoint() + ";" + more).c_str();
        portrait.Owner = &owner;
        portrait.BeginPlay();
        EXPECT(publisher.WaitForSubscription("v.bgra8/omote"));
    }

    void Send(const char* name = "wire_video_bgra8") {
        Message message = StoredMessage(name);
        message.Parts()[0] = "v.bgra8/omote";
        publisher.Send(message);
    }

    void Tick() { portrait.TickComponent(0.016f, LEVELTICK_All, nullptr); }

    /// Ticks until the claim holds; false where it does not within a minute.
    template <class Claim>
    bool TicksUntil(Claim claim) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!claim()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            Tick();
        }
        return true;
    }

    bool ShowsOne() {
        return TicksUntil([] { return !UTexture2D::Pending().empty(); });
    }
};

}  // namespace

TEST(the_texture_shows_the_picture_that_was_sent) {
    Scene scene;
    scene.Send();
    EXPECT(scene.ShowsOne());
    UTexture2D::RunRenderThread();
    const UTexture2D& texture = *scene.portrait.Texture;
    EXPECT(texture.SRGB && texture.NeverStream && texture.bHasResource);
    EXPECT_EQUAL(texture.GetSizeX(), 5);
    EXPECT_EQUAL(texture.GetSizeY(), 3);
    const auto& rgba = Golden()["wire_video_bgra8"]["rgba"].Items();
    EXPECT_EQUAL(texture.Pixels.size(), rgba.size());
    EXPECT_EQUAL(static_cast<double>(texture.Pixels[0]), rgba[2].Number());
    EXPECT_EQUAL(static_cast<double>(texture.Pixels[2]), rgba[0].Number());
    EXPECT_EQUAL(static_cast<double>(texture.Pixels[59]), rgba[59].Number());
    EXPECT(scene.portrait.State == EOmoteState::Live);
    EXPECT(!scene.portrait.bIsPremultiplied);
}

TEST(a_picture_of_another_size_makes_another_texture_and_says_so) {
    Scene scene;
    std::vector<UTexture2D*> textures;
    scene.portrait.OnTextureChanged.Handlers.push_back([&](UTexture2D* texture) { textures.push_back(texture); });
    for (int picture = 0; picture < 3; ++picture) {
        scene.Send();
        EXPECT(scene.ShowsOne());
        UTexture2D::RunRenderThread();
        EXPECT_EQUAL(textures.size(), std::size_t(picture == 2 ? 2 : 1));
        if (picture == 1) scene.portrait.Texture->Width = 99;  // as if it had been of another size
    }
    EXPECT(textures[0] != textures[1] && textures[1] == scene.portrait.Texture);
}

TEST(a_render_thread_that_is_behind_is_neither_waited_for_nor_fed) {
    Scene scene;
    for (int picture = 0; picture < 50; ++picture) {
        scene.Send();
        for (int tick = 0; tick < 3; ++tick) scene.Tick();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT(scene.TicksUntil([] { return UTexture2D::Pending().size() == 3; }));
    UTexture2D::RunRenderThread();
    scene.Send();
    EXPECT(scene.ShowsOne());
    UTexture2D::RunRenderThread();
}

TEST(what_the_render_thread_still_reads_outlives_the_component) {
    {
        Scene scene;
        scene.Send();
        EXPECT(scene.ShowsOne());
        scene.portrait.EndPlay(EEndPlayReason::Destroyed);
        EXPECT(scene.portrait.State == EOmoteState::Stopped);
    }
    UTexture2D::RunRenderThread();
    EXPECT_EQUAL(UTexture2D::All().back()->Updates, 1);
}

TEST(half_a_second_without_a_picture_is_said) {
    Scene scene;
    std::vector<EOmoteState> states;
    scene.portrait.OnStateChanged.Handlers.push_back([&](EOmoteState state) { states.push_back(state); });
    scene.Send();
    EXPECT(scene.TicksUntil([&] { return scene.portrait.State == EOmoteState::Stale; }));
    scene.Send();
    EXPECT(scene.TicksUntil([&] { return scene.portrait.State == EOmoteState::Live; }));
    EXPECT(states.back() == EOmoteState::Live && std::count(states.begin(), states.end(), EOmoteState::Stale) == 1);
    UTexture2D::RunRenderThread();
}

TEST(play_may_begin_again_and_again) {
    Scene scene;
    for (int play = 0; play < 5; ++play) {
        scene.portrait.EndPlay(EEndPlayReason::Destroyed);
        scene.portrait.BeginPlay();
        EXPECT(scene.publisher.WaitForSubscription("v.bgra8/omote"));
        scene.Send();
        EXPECT(scene.ShowsOne());
        UTexture2D::RunRenderThread();
    }
}

TEST(the_editors_viewport_shows_it_where_that_is_asked_for) {
    TestPublisher publisher;
    UOmotePortraitComponent portrait;
    portrait.Connection = ("video=" + publisher.Endpoint()).c_str();
    portrait.TickComponent(0.016f, LEVELTICK_ViewportsOnly, nullptr);
    EXPECT(portrait.bTickInEditor && portrait.State == EOmoteState::Stopped);
    portrait.bShowInEditor = true;
    portrait.TickComponent(0.016f, LEVELTICK_ViewportsOnly, nullptr);
    EXPECT(portrait.State == EOmoteState::Connecting);
    EXPECT(publisher.WaitForSubscription("v.bgra8/omote"));
    portrait.OnUnregister();
    EXPECT(portrait.State == EOmoteState::Stopped);
}

TEST(what_omote_answers_is_broadcast) {
    TestControl control([](std::uint64_t id, const std::string& method) {
        const std::map<std::string, std::string> result{{"method", method}};
        return std::vector<std::string>{Packed("v", 1, "id", id, "result", result)};
    });
    Scene scene("control=" + control.Endpoint());
    std::vector<std::string> answers;
    scene.portrait.OnAnswered.Handlers.push_back([&](FString method, bool isDone, FString text) {
        EXPECT(isDone && text.Text.find(method.Text) != std::string::npos);
        answers.push_back(method.Text);
    });
    scene.portrait.SetCharacter("ada");
    scene.portrait.SetExpression("smile", 0.1f, -1.0f, 0.5f);
    scene.portrait.SetLight({0.2f, 0.2f, 0.2f}, {1, 1, 1}, {1, 0, 1});
    scene.portrait.Recalibrate();
    EXPECT(scene.TicksUntil([&] { return answers.size() == 4; }));
    scene.portrait.SetStudioLight();
    EXPECT(scene.TicksUntil([&] { return answers.size() == 5; }));
}

TEST(a_connection_that_is_none_is_said_and_nothing_else_happens) {
    UOmotePortraitComponent portrait;
    portrait.Connection = "vidoe=tcp://127.0.0.1:5557";
    portrait.BeginPlay();
    portrait.TickComponent(0.016f, LEVELTICK_All, nullptr);
    portrait.Recalibrate();
    ExpectContains(portrait.LastError.Text, "vidoe");
    EXPECT(portrait.State == EOmoteState::Stopped);
}

TEST(where_libzmq_is_not_there_nothing_of_it_is_called) {
    StubModule().StartupModule();  // as on Windows, and finds no library
    UOmotePortraitComponent unencrypted;
    unencrypted.BeginPlay();
    EXPECT_EQUAL(unencrypted.LastError.Text, std::string());  // needs none
    unencrypted.EndPlay(EEndPlayReason::Destroyed);
    UOmotePortraitComponent portrait;
    portrait.Connection = "keys=some.omote-key";
    portrait.BeginPlay();
    ExpectContains(portrait.LastError.Text, "libzmq*.dll cannot be loaded");
    ILiveLinkClient client;
    const TSharedPtr<ILiveLinkSource> source = UOmoteLiveLinkSourceFactory().CreateSource("keys=some.omote-key");
    source->ReceiveClient(&client, FGuid());
    ExpectContains(source->GetSourceStatus().Text.Text, "libzmq*.dll cannot be loaded");
    OmoteLibraryError.Reset();
}

TEST(live_link_is_given_the_curves_and_the_head) {
    TestPublisher publisher;
    ILiveLinkClient client;
    StubConfig.Connection = ("params=" + publisher.Endpoint()).c_str();
    const TSharedPtr<ILiveLinkSource> source = UOmoteLiveLinkSourceFactory().CreateSource("subject=omote");
    source->ReceiveClient(&client, FGuid());
    EXPECT(publisher.WaitForSubscription("p/omote"));
    publisher.Send(StoredMessage("wire_params_shown_weights"));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (client.Frames == 0 && std::chrono::steady_clock::now() < deadline) source->Update();
    EXPECT_EQUAL(client.Subject.Text, std::string("omote"));
    EXPECT_EQUAL(client.Names.Num(), int64{63});
    EXPECT_EQUAL(client.Names[0].Text, std::string("EyeBlinkLeft"));
    EXPECT_EQUAL(client.Values.Num(), int64{63});
    const double shown = Golden()["wire_params_shown_weights"]["shown_weights"].Items()[17].Number();
    EXPECT_EQUAL(static_cast<double>(client.Values[17]), std::min(std::max(shown, 0.0), 1.0));
    omote::Document document;
    const Message stored = StoredMessage("wire_params_shown_weights");
    const std::uint64_t wallNs = stored.Envelope(document).header.wallNs;
    const double second = client.SceneTime.Time.AsDecimal() / client.SceneTime.Rate.Numerator;
    EXPECT(std::abs(second - double(wallNs % 86400000000000ull) * 1e-9) < 1e-3);
    ExpectContains(source->GetSourceStatus().Text.Text, "fps");
    EXPECT(source->IsSourceStillValid());
    EXPECT(source->RequestSourceShutdown());
    EXPECT(!source->IsSourceStillValid());
    StubConfig.Connection.Reset();
}

TEST(a_source_that_cannot_connect_says_why) {
    ILiveLinkClient client;
    const TSharedPtr<ILiveLinkSource> source = UOmoteLiveLinkSourceFactory().CreateSource("keys=/no/such/file");
    source->ReceiveClient(&client, FGuid());
    source->Update();
    ExpectContains(source->GetSourceStatus().Text.Text, "/no/such/file");
    EXPECT(source->RequestSourceShutdown());
}

TEST(expressions_that_the_performer_makes_are_events) {
    TestPublisher publisher;
    UOmoteExpressionsComponent face;
    std::vector<std::string> told;
    face.OnExpressionBegan.Handlers.push_back([&](FString name) { told.push_back("+" + name.Text); });
    face.OnExpressionEnded.Handlers.push_back([&](FString name) { told.push_back("-" + name.Text); });
    face.Connection = ("params=" + publisher.Endpoint()).c_str();
    face.BeginPlay();
    EXPECT(publisher.WaitForSubscription("p/omote"));
    const auto ticksUntil = [&](std::size_t count) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (told.size() < count && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            face.TickComponent(0.016f, LEVELTICK_All, nullptr);
        }
        return told.size() == count;
    };
    publisher.Send(StoredMessage("wire_params_recognised"));
    EXPECT(ticksUntil(3));
    EXPECT_EQUAL(told[0], std::string("+smile"));
    EXPECT_EQUAL(told[1], std::string("+brow_raise"));
    EXPECT_EQUAL(face.Recognised.Num(), int64{3});
    EXPECT_EQUAL(face.Confidence, 0.75f);
    EXPECT(ticksUntil(6));  // nothing comes any more, so all is over
    EXPECT_EQUAL(told[3], std::string("-smile"));
    EXPECT_EQUAL(face.Recognised.Num(), int64{0});
    publisher.Send(StoredMessage("wire_params_recognised"));
    EXPECT(ticksUntil(9));
    face.EndPlay(EEndPlayReason::Destroyed);
    EXPECT_EQUAL(told.size(), std::size_t{12});
}

TEST(an_expressions_component_that_cannot_connect_says_why) {
    UOmoteExpressionsComponent face;
    face.Connection = "parms=tcp://127.0.0.1:5556";
    face.BeginPlay();
    face.TickComponent(0.016f, LEVELTICK_All, nullptr);
    ExpectContains(face.LastError.Text, "parms");
}

TEST(live_link_is_given_the_heads_transform_as_a_second_subject) {
    TestPublisher publisher;
    ILiveLinkClient client;
    const std::string connection = "params=" + publisher.Endpoint() + ";subject=omote";
    const TSharedPtr<ILiveLinkSource> source = UOmoteLiveLinkSourceFactory().CreateSource(connection.c_str());
    source->ReceiveClient(&client, FGuid());
    EXPECT_EQUAL(client.Head.Text, std::string("omote_head"));
    EXPECT(publisher.WaitForSubscription("p/omote"));
    publisher.Send(StoredMessage("wire_params_shown_weights"));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (client.Frames == 0 && std::chrono::steady_clock::now() < deadline) source->Update();
    const auto& moved = Golden()["wire_params_shown_weights"]["translation"].Items();
    EXPECT(std::abs(client.HeadTransform.Translation.X - 100 * moved[2].Number()) < 1e-4);
    EXPECT(std::abs(client.HeadTransform.Translation.Y + 100 * moved[0].Number()) < 1e-4);
    EXPECT(std::abs(client.HeadTransform.Translation.Z - 100 * moved[1].Number()) < 1e-4);
    EXPECT(source->RequestSourceShutdown());
}

TEST(the_owners_mesh_shows_the_portrait_while_it_runs) {
    UMeshComponent mesh;
    UMaterialInterface material;
    mesh.Material = &material;
    Scene scene;
    scene.owner.Mesh = &mesh;
    scene.Send();
    EXPECT(scene.ShowsOne());
    EXPECT(mesh.Material == &mesh.Instance && mesh.Instance.Texture == scene.portrait.Texture);
    EXPECT_EQUAL(mesh.Instance.Name.Text, std::string("Portrait"));
    UTexture2D::RunRenderThread();
    scene.portrait.EndPlay(EEndPlayReason::Destroyed);
    EXPECT(mesh.Material == &material);
    scene.portrait.BeginPlay();
    EXPECT(scene.publisher.WaitForSubscription("v.bgra8/omote"));
    scene.Send();
    EXPECT(scene.ShowsOne());
    EXPECT(mesh.Material == &mesh.Instance);
    UTexture2D::RunRenderThread();
}

TEST(a_mesh_is_left_alone_where_no_parameter_is_named) {
    UMeshComponent mesh;
    Scene scene;
    scene.owner.Mesh = &mesh;
    scene.portrait.TextureParameter = FName();
    scene.Send();
    EXPECT(scene.ShowsOne());
    EXPECT(mesh.Material == nullptr);
    UTexture2D::RunRenderThread();
}

namespace {

// The creation panel as a user sees it: buttons by what stands on them, fields in their order.
struct Panel {
    std::vector<std::pair<std::string, TSharedPtr<ILiveLinkSource>>> created;
    TSharedPtr<SWidget> widget;

    Panel() {
        UOmoteLiveLinkSourceFactory factory;
        EXPECT(factory.GetMenuType() == ULiveLinkSourceFactory::EMenuType::SubPanel);
        widget = factory.BuildCreationPanel(ULiveLinkSourceFactory::FOnLiveLinkSourceCreated::CreateLambda(
            [this](TSharedPtr<ILiveLinkSource> source, FString text) { created.emplace_back(text.Text, source); }));
    }

    template <class Kind>
    std::vector<Kind*> All() const {
        std::vector<Kind*> found;
        std::vector<SWidget*> left = {widget.Pointer.get()};
        while (!left.empty()) {
            SWidget* next = left.back();
            left.pop_back();
            if (next->StubKind == StubKindOf<Kind>()) found.push_back(static_cast<Kind*>(next));
            for (auto at = next->StubChildren.rbegin(); at != next->StubChildren.rend(); ++at) left.push_back(at->get());
        }
        return found;
    }

    bool Click(const std::string& words) const {
        for (SButton* button : All<SButton>()) {
            if (button->StubArguments.Held.Text.Text.find(words) == std::string::npos) continue;
            button->StubArguments.Handler();
            return true;
        }
        return false;
    }

    bool Says(const std::string& words) const {
        for (STextBlock* text : All<STextBlock>()) {
            if (text->StubText.Text.Text.find(words) != std::string::npos) return true;
        }
        return false;
    }

    void Type(std::size_t field, const char* text) const { All<SEditableTextBox>().at(field)->SetText({FString(text)}); }
};

}  // namespace

TEST(the_creation_panel_makes_a_source_of_its_fields) {
    Panel panel;
    EXPECT_EQUAL(panel.All<SEditableTextBox>().size(), std::size_t{4});
    EXPECT(panel.Click("Connect"));
    EXPECT_EQUAL(panel.created.back().first, std::string());  // this machine
    panel.Type(0, "tcp://10.0.0.1:5556");
    panel.Type(2, "ada");
    EXPECT(panel.Click("Connect"));
    EXPECT_EQUAL(panel.created.back().first, std::string("params=tcp://10.0.0.1:5556;subject=ada;"));
    EXPECT(panel.created.back().second.IsValid());
}

TEST(the_creation_panel_says_what_is_wrong_with_a_key_file) {
    Panel panel;
    panel.Type(3, "/no/such/file");
    EXPECT(panel.Click("Connect"));
    EXPECT(panel.created.empty() && panel.Says("/no/such/file"));
}

TEST(the_creation_panel_lists_the_senders_of_this_machine) {
    const DiscoveryPeer sender("a studio", "tcp://127.0.0.1:6001", "ada");
    if (sender.Port() == 0) return;  // another program's senders have all ports
    Panel panel;
    for (int attempt = 0; attempt < 20 && !panel.Click("a studio"); ++attempt) EXPECT(panel.Click("Find senders"));
    EXPECT(panel.Click("Connect"));
    EXPECT_EQUAL(panel.created.back().first, std::string("params=tcp://127.0.0.1:6001;subject=ada;"));
}
