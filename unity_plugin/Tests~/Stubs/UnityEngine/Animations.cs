namespace UnityEngine
{
    public sealed class AnimationClip : Object
    {
        public float frameRate { get; set; }
    }
}
