using UnityEngine;

namespace Omote
{
    /// <summary>Omote's portrait as a texture: for a material, a render texture, or your own code.</summary>
    [AddComponentMenu("Omote/Omote Receiver")]
    [ExecuteAlways]
    public sealed partial class OmoteReceiver : OmoteFeed
    {
        private static readonly int _premultipliedId = Shader.PropertyToID("_OmotePremultiplied");

        private readonly PictureTexture _picture = new PictureTexture();
        private MaterialPropertyBlock _block;
        private Header _header;
        private bool _isPremultiplied;

        private void OnEnable() { HideWhere(true); }

        private void Update()
        {
            if (!Application.isPlaying && !_previewsInEditMode) return;
#if UNITY_EDITOR
            // An editor that does not play updates only where something changes.
            if (!Application.isPlaying) UnityEditor.EditorApplication.delayCall += UnityEditor.EditorApplication.QueuePlayerLoopUpdate;
#endif
            Receiver receiver = Open();
            if (receiver == null) return;
            if (receiver.TryTake(out VideoFrame frame)) Show(frame);
            Watch();
        }

        protected override void OnDisable()
        {
            base.OnDisable();
            HideWhere(true);
        }

        protected override void OnValidate()
        {
            base.OnValidate();
            if (!Application.isPlaying && !_previewsInEditMode) EndPreview();
        }

        // What a preview has set on a renderer is taken back; property blocks are not saved with a scene.
        private void EndPreview()
        {
            Reconnect();
            if (_block == null) return;
            _block = null;
            if (_targetRenderer != null) _targetRenderer.SetPropertyBlock(null);
        }

        private void OnDestroy()
        {
            Shutdown.Remove(_picture);
            _picture.Dispose();
        }

        internal override void Choose(ReceiverSettings settings)
        {
            settings.Kinds = Kinds.Video;
            settings.Format = FormatName();
            settings.DecodesJpeg = true;
        }

        internal override void OnLiveChanged(bool isLiveNow) { HideWhere(!isLiveNow); }

        private void Show(VideoFrame frame)
        {
            Texture2D before = _picture.Texture;
            _picture.Write(frame);
            _header = frame.Header;
            _isPremultiplied = frame.Alpha == PictureAlpha.Premultiplied;
            if (_targetTexture != null) Graphics.Blit(texture, _targetTexture);
            if (_targetRenderer != null) Paint(_targetRenderer);
            if (before == _picture.Texture) return;
            Shutdown.Add(_picture); // a reload of scripts would forget the texture, and Unity keep it
            _onTexture.Invoke(texture);
        }

        private void Paint(Renderer target)
        {
            if (_block == null) _block = new MaterialPropertyBlock();
            // What others have set on this renderer stays.
            target.GetPropertyBlock(_block);
            _block.SetTexture(_targetProperty, texture);
            _block.SetFloat(_premultipliedId, _isPremultiplied ? 1 : 0);
            target.SetPropertyBlock(_block);
        }

        private void HideWhere(bool isStill)
        {
            if (_whenStale != WhenStale.Hide || !Application.isPlaying) return; // a preview leaves no mark on the scene
            if (_targetRenderer != null) _targetRenderer.enabled = !isStill;
            if (isStill && _targetTexture != null) Clear(_targetTexture);
        }

        private static void Clear(RenderTexture target)
        {
            RenderTexture before = RenderTexture.active;
            RenderTexture.active = target;
            GL.Clear(false, true, Color.clear);
            RenderTexture.active = before;
        }

        private string FormatName()
        {
            string name = _format == PictureFormat.Rgba8 ? "rgba8"
                : _format == PictureFormat.Bgra8 ? "bgra8"
                : _format == PictureFormat.Jpeg ? "jpeg"
                : "jpeg+lz4a";
            if (_wantsPremultiplied && _format != PictureFormat.Jpeg) name += ".premultiplied";
            return name + ".bottom"; // as a texture has its rows, so they are copied in one piece
        }
    }
}
