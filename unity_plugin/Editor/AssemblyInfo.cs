using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Omote.Runtime.Tests")]
