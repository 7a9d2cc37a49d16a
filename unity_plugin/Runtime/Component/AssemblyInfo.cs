using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Omote.Editor")]
[assembly: InternalsVisibleTo("Omote.Vrm0")]
[assembly: InternalsVisibleTo("Omote.Vrm10")]
[assembly: InternalsVisibleTo("Omote.Runtime.Tests")]
