using System.IO;
using UnrealBuildTool;

public class Omote : ModuleRules
{
	public Omote(ReadOnlyTargetRules Target) : base(Target)
	{
		PCHUsage = PCHUsageMode.NoPCHs; // the core is compiled without Unreal's macros
		bUseUnity = false;
		bEnableExceptions = true; // the core, cppzmq and msgpack throw; nothing leaves this module

		PublicDependencyModuleNames.AddRange(new[] { "Core", "CoreUObject", "Engine", "LiveLinkInterface" });
		PrivateDependencyModuleNames.AddRange(new[] { "ImageWrapper", "Projects", "RHI" });
		PrivateIncludePaths.Add(Path.Combine(PluginDirectory, "Source", "ThirdParty", "OmoteCore", "include"));
		PrivateDefinitions.Add("MSGPACK_NO_BOOST=1");
		AddZeroMq(Target);
	}

	// What the user has put there, as packagers lay it out: include, lib and, on Windows, bin.
	private void AddZeroMq(ReadOnlyTargetRules Target)
	{
		string Root = Path.Combine(PluginDirectory, "Source", "ThirdParty", "libzmq", Target.Platform.ToString());
		foreach (string Header in new[] { "zmq.h", "zmq.hpp", "msgpack.hpp" })
		{
			string Wanted = Path.Combine(Root, "include", Header);
			if (!File.Exists(Wanted))
			{
				throw new BuildException("Omote: " + Wanted + " is missing; the plugin's README says under " +
					"'The libraries' where to get it.");
			}
		}
		PublicSystemIncludePaths.Add(Path.Combine(Root, "include"));
		if (Target.Platform == UnrealTargetPlatform.Win64)
		{
			PublicAdditionalLibraries.Add(OnlyFile(Path.Combine(Root, "lib"), "libzmq*.lib"));
			PublicDelayLoadDLLs.Add(Path.GetFileName(OnlyFile(Path.Combine(Root, "bin"), "libzmq*.dll")));
			RuntimeDependencies.Add("$(PluginDir)/Binaries/ThirdParty/Win64/", Path.Combine(Root, "bin", "*.dll"));
			return;
		}
		string Library = OnlyFile(Path.Combine(Root, "lib"), "libzmq*");
		PublicAdditionalLibraries.Add(Library);
		// Beside the game under the name that the loader looks for: on Linux the library calls itself libzmq.so.5.
		string Staged = Target.Platform == UnrealTargetPlatform.Linux ? "libzmq.so.5" : Path.GetFileName(Library);
		RuntimeDependencies.Add("$(BinaryOutputDir)/" + Staged, Library);
	}

	// Its name may carry the compiler's version, so it is taken as it is found.
	private static string OnlyFile(string Folder, string Pattern)
	{
		string[] Found = Directory.Exists(Folder) ? Directory.GetFiles(Folder, Pattern) : new string[0];
		if (Found.Length != 1)
		{
			throw new BuildException("Omote: " + Folder + " has to hold one " + Pattern + ", has " + Found.Length);
		}
		return Found[0];
	}
}
