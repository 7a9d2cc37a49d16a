using System;
using UnityEngine;

namespace Omote
{
    /// <summary>What one ARKit weight does on a mesh, where its name alone does not say it right.</summary>
    [Serializable]
    public sealed class ShapeOverride
    {
        /// <summary>The ARKit name, as `jawOpen`.</summary>
        [Tooltip("The ARKit name, as jawOpen.")]
        public string arkit = "";

        /// <summary>The mesh's blend shape; empty: found by name; `-`: none.</summary>
        [Tooltip("The mesh's blend shape. Empty: found by name. A minus sign: none.")]
        public string shape = "";

        /// <summary>How much of the weight arrives; 1: all of it.</summary>
        [Tooltip("How much of the weight arrives; 1: all of it.")]
        public float gain = 1;
    }
}
