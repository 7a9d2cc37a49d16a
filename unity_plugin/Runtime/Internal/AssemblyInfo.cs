using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Omote.Core.Tests")]
[assembly: InternalsVisibleTo("Omote.Runtime.Tests")]
