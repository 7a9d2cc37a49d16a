using System;
using UnityEngine;
using UnityEngine.Events;

namespace Omote
{
    /// <summary>What is to be seen while nothing comes.</summary>
    public enum WhenStale
    {
        /// <summary>The last picture, as if it were live.</summary>
        KeepPicture,

        /// <summary>Nothing: the target renderer is switched off, the target texture cleared.</summary>
        Hide,
    }

    public sealed partial class OmoteReceiver
    {
        [Tooltip("How pictures travel. Raw ones on this machine; JPEG with alpha from another one.")]
        [SerializeField] private PictureFormat _format = PictureFormat.Rgba8;

        [Tooltip("Colours multiplied by alpha, for materials that blend One, OneMinusSrcAlpha.")]
        [SerializeField] private bool _wantsPremultiplied = false;

        [Tooltip("Each picture is drawn onto this, where there is one.")]
        [SerializeField] private RenderTexture _targetTexture = null;

        [Tooltip("The picture is set on this renderer, where there is one.")]
        [SerializeField] private Renderer _targetRenderer = null;

        [Tooltip("The property of the renderer's material: _MainTex, in URP _BaseMap, in HDRP _UnlitColorMap.")]
        [SerializeField] private string _targetProperty = "_MainTex";

        [Tooltip("What is to be seen while nothing comes.")]
        [SerializeField] private WhenStale _whenStale = WhenStale.KeepPicture;

        [Tooltip("Shows the portrait in the editor while it does not play. It is never saved with the scene.")]
        [SerializeField] private bool _previewsInEditMode = false;

        [Tooltip("The texture is there, or is another one after a change of size.")]
        [SerializeField] private TextureEvent _onTexture = new TextureEvent();

        public OmoteReceiver() : base(ReceiverSettings.DefaultVideo) { }

        /// <summary>An event that hands on a texture.</summary>
        [Serializable]
        public sealed class TextureEvent : UnityEvent<Texture> { }

        /// <summary>How pictures travel; Omote encodes each that somebody asks for.</summary>
        public PictureFormat format
        {
            get { return _format; }
            set { Change(ref _format, value); }
        }

        /// <summary>True asks for colours that are multiplied by alpha.</summary>
        public bool wantsPremultiplied
        {
            get { return _wantsPremultiplied; }
            set { Change(ref _wantsPremultiplied, value); }
        }

        /// <summary>Each picture is drawn onto this; may be null.</summary>
        public RenderTexture targetTexture
        {
            get { return _targetTexture; }
            set { _targetTexture = value; }
        }

        /// <summary>The picture is set on this renderer, by a property block; may be null.</summary>
        public Renderer targetRenderer
        {
            get { return _targetRenderer; }
            set { _targetRenderer = value; }
        }

        /// <summary>The texture property of the renderer's material.</summary>
        public string targetProperty
        {
            get { return _targetProperty; }
            set { _targetProperty = value; }
        }

        /// <summary>What is to be seen while nothing comes.</summary>
        public WhenStale whenStale
        {
            get { return _whenStale; }
            set
            {
                if (_whenStale == WhenStale.Hide && value != _whenStale && _targetRenderer != null) _targetRenderer.enabled = true;
                _whenStale = value;
                if (Application.isPlaying && isActiveAndEnabled) HideWhere(!isLive);
            }
        }

        /// <summary>True shows the portrait in the editor while it does not play.</summary>
        public bool previewsInEditMode
        {
            get { return _previewsInEditMode; }
            set
            {
                _previewsInEditMode = value;
                if (!Application.isPlaying && !value) EndPreview();
            }
        }

        /// <summary>The texture is there, or is another one after a change of size; made for RawImage.texture.</summary>
        public TextureEvent onTexture => _onTexture;

        /// <summary>The portrait, upright; null before the first picture. Another one after a change of size.</summary>
        public Texture texture => _picture.Texture;

        /// <summary>True where the colours of the texture are multiplied by alpha.</summary>
        public bool isPremultiplied => _isPremultiplied;

        /// <summary>Which picture it is, and when it was captured, finished and sent.</summary>
        public Header header => _header;
    }
}
