using System;
using System.Collections.Generic;

namespace Omote
{
    /// <summary>The methods of control by name; WIRE.md says what each answers.</summary>
    public sealed partial class ControlClient
    {
        /// <summary>Asks what Omote is: version, formats, ports, methods, subject, character, size, runtime.</summary>
        public ulong Hello(Action<ControlReply> done = null) => Call("hello", null, done);

        /// <summary>Asks how it goes there: pictures, fps, latency, who listens.</summary>
        public ulong Stats(Action<ControlReply> done = null) => Call("stats", null, done);

        /// <summary>Asks which topic to subscribe to for the first of these formats that can be served.</summary>
        public ulong Format(string[] fmt, string alpha = "straight", string origin = "top", Action<ControlReply> done = null) =>
            Call("format", new Dictionary<string, object> { { "fmt", fmt }, { "alpha", alpha }, { "origin", origin } }, done);

        /// <summary>Asks which characters there are: `names`.</summary>
        public ulong Characters(Action<ControlReply> done = null) => Call("characters", null, done);

        /// <summary>Asks which expressions there are: `names`.</summary>
        public ulong Expressions(Action<ControlReply> done = null) => Call("expressions", null, done);

        /// <summary>Shows another character, one of `characters`.</summary>
        public ulong SetCharacter(string name, Action<ControlReply> done = null) =>
            Call("set_character", new Dictionary<string, object> { { "name", name } }, done, SlowTimeoutMs);

        /// <summary>Lights the portrait by [27] spherical harmonics as WIRE.md orders them; null: the studio's light.</summary>
        public ulong SetLight(float[] harmonics, Action<ControlReply> done = null) =>
            Call("set_light", new Dictionary<string, object> { { "harmonics", harmonics } }, done);

        /// <summary>Adds one of `expressions` to the performer's face, in seconds; holdS null: until the next.</summary>
        public ulong SetExpression(string name, float attackS = 0.15f, float? holdS = 1, float releaseS = 0.3f, Action<ControlReply> done = null) =>
            Call("set_expression", Expression("name", name, attackS, holdS, releaseS), done);

        /// <summary>Adds ARKit weights, by name, to the performer's face; otherwise as the one by name.</summary>
        public ulong SetExpression(
            IDictionary<string, float> weights, float attackS = 0.15f, float? holdS = 1, float releaseS = 0.3f, Action<ControlReply> done = null) =>
            Call("set_expression", Expression("weights", new Dictionary<string, float>(weights), attackS, holdS, releaseS), done);

        /// <summary>Makes the performer's face of this moment the one at rest.</summary>
        public ulong Recalibrate(Action<ControlReply> done = null) => Call("recalibrate", null, done);

        private static Dictionary<string, object> Expression(string key, object value, float attackS, float? holdS, float releaseS) =>
            new Dictionary<string, object> { { key, value }, { "attack", attackS }, { "hold", holdS }, { "release", releaseS } };
    }
}
