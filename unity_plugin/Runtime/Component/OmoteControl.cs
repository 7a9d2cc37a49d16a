using System;
using System.Threading;
using UnityEngine;
using UnityEngine.Scripting;

namespace Omote
{
    /// <summary>Asks Omote for another character, an expression, light and more; answers come as events.</summary>
    /// <remarks>
    /// The methods without result are for buttons and UnityEvents, whose calls a build's stripping does not see; code that wants the
    /// answer calls <see cref="client"/>, whose callbacks come on the main thread.
    /// </remarks>
    [AddComponentMenu("Omote/Omote Control")]
    [DisallowMultipleComponent]
    public sealed partial class OmoteControl : MonoBehaviour
    {
        private const int FinishMs = 200;

        private readonly ControlClient _client = new ControlClient();
        private Link _link;
        private bool _wasConnected;
        private bool _hasAnswered;
        private ulong _greeting;
        private int _asked;
        private int _answered;

        /// <summary>The last moment in which a call still arrives.</summary>
        internal event Action Closing;

        /// <summary>Shows another character: one of those that `characters` answers.</summary>
        [Preserve]
        public void SetCharacter(string name) { Ask(() => _client.SetCharacter(name, Report)); }

        /// <summary>Triggers an expression for about a second: one of those that `expressions` answers.</summary>
        [Preserve]
        public void SetExpression(string name) { Ask(() => _client.SetExpression(name, done: Report)); }

        /// <summary>Makes the performer's face of this moment the one at rest.</summary>
        [Preserve]
        public void Recalibrate() { Ask(() => _client.Recalibrate(Report)); }

        /// <summary>Lights the portrait by 27 harmonics of radiance in the picture's frame; see OmoteLightProbeSender.</summary>
        public void SetLight(float[] harmonics) { Ask(() => _client.SetLight(harmonics, Report)); }

        /// <summary>Lights the portrait as the studio does.</summary>
        [Preserve]
        public void SetStudioLight() { Ask(() => _client.SetLight(null, Report)); }

        /// <summary>Calls any method that needs no arguments: `stats`, `characters`, `expressions` and so on.</summary>
        [Preserve]
        public void Request(string method) { Ask(() => _client.Call(method, null, Report)); }

        /// <summary>Stops and starts again, with the settings as they are now.</summary>
        public void Reconnect()
        {
            try
            {
                if (_link != null) _link.Close();
            }
            finally // somebody's callback may throw on the way
            {
                _wasConnected = _hasAnswered = false;
            }
        }

        private void Update()
        {
            if (!Open()) return;
            _client.Poll();
            if (_client.IsConnected == _wasConnected) return;
            _wasConnected = _client.IsConnected;
            _hasAnswered = false;
            if (_wasConnected) _greeting = _client.Hello(Greet);
        }

        private void OnDisable() { Reconnect(); }

        // A call may come before the first update.
        private void Ask(Action call)
        {
            if (Open())
            {
                _asked++;
                call();
            }
            else _onError.Invoke(lastError == "" ? "OmoteControl is off: nothing was asked" : lastError);
        }

        private bool Open()
        {
            if (_link == null)
            {
                _link = new Link(this, _client, () => _client.Start(Settings()));
                _link.Closing += Finish;
            }
            return _link.IsOpen || isActiveAndEnabled && _link.Open();
        }

        // Stopping takes back what was not answered, so what is asked in the last moment is waited for.
        private void Finish()
        {
            int before = _asked;
            Closing?.Invoke();
            if (_asked == before || !isConnected) return;
            long endNs = Clock.NowNs() + FinishMs * 1000000L;
            while (_answered < _asked && Clock.NowNs() < endNs)
            {
                _client.Poll();
                Thread.Sleep(1);
            }
        }

        private ControlSettings Settings()
        {
            return new ControlSettings { Endpoint = _endpoint, Transport = _transport, KeyFile = Link.KeyPath(_keyFile) };
        }

        // Connected is who has answered: a socket that connects may be anybody's.
        private void Greet(ControlReply reply)
        {
            if (reply.Id != _greeting) return; // of a connection that is gone
            _hasAnswered = reply.IsOk;
            if (reply.IsOk) _onConnected.Invoke();
            else if (reply.ErrorCode == "timeout") _wasConnected = false; // asked again
            Tell(reply);
        }

        private void Report(ControlReply reply)
        {
            _answered++;
            Tell(reply);
        }

        private void Tell(ControlReply reply)
        {
            if (reply.IsOk) _onReply.Invoke(reply.Method);
            else if (reply.ErrorCode != "closed") _onError.Invoke($"{reply.Method}: {reply.Message}");
            replied?.Invoke(reply);
        }
    }
}
