using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Omote.Editor")]
[assembly: InternalsVisibleTo("Omote.Runtime.Tests")]
