using Omote;
using UnityEngine;

/// <summary>Put it on an empty object and press Play while `omote live` runs: the portrait on a quad, in the light of the scene.</summary>
public sealed class PortraitSample : MonoBehaviour
{
    [Tooltip("Named here so that a build contains it.")]
    [SerializeField] private Shader _shader = null;

    [Tooltip("Lights that are not baked into light probes: your sun, for one.")]
    [SerializeField] private Light[] _lights = new Light[0];

    private void Start()
    {
        GameObject quad = GameObject.CreatePrimitive(PrimitiveType.Quad);
        quad.name = "Omote Portrait";
        Destroy(quad.GetComponent<MeshCollider>()); // not wanted; but a build that names it nowhere cannot make a quad
        quad.transform.SetParent(transform, false);
        var renderer = quad.GetComponent<MeshRenderer>();
        renderer.sharedMaterial = new Material(_shader == null ? Shader.Find("Omote/Portrait") : _shader);

        var receiver = quad.AddComponent<OmoteReceiver>();
        receiver.targetRenderer = renderer;
        receiver.onStale.AddListener(() => Debug.Log("Omote is still: is it running?"));

        quad.AddComponent<OmoteLightProbeSender>().lights = _lights;
        quad.GetComponent<OmoteControl>().onError.AddListener(text => Debug.LogWarning(text));
    }
}
