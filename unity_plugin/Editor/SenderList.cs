using System;
using System.Collections.Generic;
using UnityEditor;
using UnityEngine;

namespace Omote.Editors
{
    /// <summary>The senders of this machine as buttons, after a click that asks for them.</summary>
    internal sealed class SenderList
    {
        private List<Sender> _found;

        /// <summary>Draws the list; `onChosen` gets the sender whose button was pressed.</summary>
        public void Draw(Action<Sender> onChosen)
        {
            if (GUILayout.Button("Find senders")) _found = Discovery.Find();
            if (_found == null) return;
            if (_found.Count == 0) EditorGUILayout.HelpBox("No Omote answers on this machine: is omote live running?", MessageType.Info);
            foreach (Sender each in _found)
            {
                string key = each.IsEncrypted ? ", needs a key file" : "";
                if (GUILayout.Button($"{each.Name}, {each.Subject}, {each.Video}{key}")) onChosen(each);
            }
        }
    }
}
