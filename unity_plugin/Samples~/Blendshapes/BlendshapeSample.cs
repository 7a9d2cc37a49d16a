using Omote;
using UnityEngine;

/// <summary>Put it on a character that looks along its z and press Play while `omote live` runs: its face follows.</summary>
public sealed class BlendshapeSample : MonoBehaviour
{
    [Tooltip("May be empty; so may the eyes.")]
    [SerializeField] private Transform _head = null;

    [SerializeField] private Transform _leftEye = null;

    [SerializeField] private Transform _rightEye = null;

    private void Start()
    {
        var driver = gameObject.AddComponent<OmoteFaceDriver>();
        driver.renderers = GetComponentsInChildren<SkinnedMeshRenderer>();
        driver.SetBones(transform, _head, _leftEye, _rightEye);
        // A mesh with a name of its own, and one weight that does too much:
        driver.overrides = new[]
        {
            new ShapeOverride { arkit = "mouthClose", gain = 0.5f },
        };
    }
}
