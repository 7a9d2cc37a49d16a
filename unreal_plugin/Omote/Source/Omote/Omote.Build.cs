using System;
using System.IO;
using UnrealBuildTool;

public class Omote : ModuleRules
{
	public Omote(ReadOnlyTargetRules Target) : base(Target)
	{
		PCHUsage = PCHUsageMode.NoPCHs; // the core is compiled without Unreal's macros
		bUseUnity = false;
		bEnableExceptions = true; // the core throws; nothing leaves this module

		PublicDependencyModuleNames.AddRange(new[] { "Core", "CoreUObject", "Engine", "LiveLinkInterface" });
		PrivateDependencyModuleNames.AddRange(new[] { "ImageWrapper", "Projects", "RHI", "Slate", "SlateCore" });
		PrivateIncludePaths.Add(Path.Combine(PluginDirectory, "Source", "ThirdParty", "OmoteCore", "include"));
		if (Target.Platform == UnrealTargetPlatform.Win64)
		{
			PublicSystemLibraries.Add("ws2_32.lib"); // sockets
		}
		PrivateDefinitions.Add("OMOTE_WITH_LIBZMQ=" + (AddLibzmq(Target) ? "1" : "0"));
	}

	// libzmq encrypts, for key files. It is taken where the user has put it, laid out as packagers do: include, lib and,
	// on Windows, bin. Rules are also read where nothing is built (project files, other platforms), so nothing is thrown.
	private bool AddLibzmq(ReadOnlyTargetRules Target)
	{
		string Root = Path.Combine(PluginDirectory, "Source", "ThirdParty", "libzmq", Target.Platform.ToString());
		if (!Directory.Exists(Root))
		{
			return false;
		}
		bool bIsWindows = Target.Platform == UnrealTargetPlatform.Win64;
		string Library = OnlyFile(Path.Combine(Root, "lib"), bIsWindows ? "libzmq*.lib" : "libzmq*");
		string Dll = bIsWindows ? OnlyFile(Path.Combine(Root, "bin"), "libzmq*.dll") : Library;
		bool bHasHeader = OnlyFile(Path.Combine(Root, "include"), "zmq.h") != null;
		if (Library == null || Dll == null || !bHasHeader)
		{
			return false;
		}
		PublicSystemIncludePaths.Add(Path.Combine(Root, "include"));
		PublicAdditionalLibraries.Add(Library);
		if (bIsWindows)
		{
			PublicDelayLoadDLLs.Add(Path.GetFileName(Dll));
			RuntimeDependencies.Add("$(PluginDir)/Binaries/ThirdParty/Win64/", Path.Combine(Root, "bin", "*.dll"));
			return true;
		}
		// Beside the game under the name that the loader looks for: on Linux the library calls itself libzmq.so.5.
		string Staged = Target.Platform == UnrealTargetPlatform.Linux ? "libzmq.so.5" : Path.GetFileName(Library);
		RuntimeDependencies.Add("$(BinaryOutputDir)/" + Staged, Library);
		return true;
	}

	// Its name may carry the compiler's version, so it is taken as it is found; null, and a line in the build's output,
	// where it cannot be.
	private static string OnlyFile(string Folder, string Pattern)
	{
		string[] Found = Directory.Exists(Folder) ? Directory.GetFiles(Folder, Pattern) : new string[0];
		if (Found.Length == 1)
		{
			return Found[0];
		}
		Console.WriteLine("Omote is built without key files: " + Folder + " has to hold one " + Pattern + ", has " + Found.Length);
		return null;
	}
}
