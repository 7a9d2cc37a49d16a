// Omote's picture, unlit, with its alpha; for the built-in pipeline and, as a pass without a light mode, for URP.
Shader "Omote/Portrait"
{
    Properties
    {
        _MainTex ("Portrait", 2D) = "black" {}
        // Set by OmoteReceiver: 1 where the picture's colours are multiplied by alpha already.
        [HideInInspector] _OmotePremultiplied ("Premultiplied", Float) = 0
    }

    SubShader
    {
        Tags { "Queue" = "Transparent" "RenderType" = "Transparent" "IgnoreProjector" = "True" "PreviewType" = "Plane" }
        Blend One OneMinusSrcAlpha
        ZWrite Off

        Pass
        {
            CGPROGRAM
            #pragma vertex vert
            #pragma fragment frag
            #pragma multi_compile_fog
            #pragma multi_compile_instancing
            #include "UnityCG.cginc"

            sampler2D _MainTex;
            float4 _MainTex_ST;
            float _OmotePremultiplied;

            struct appdata
            {
                float4 vertex : POSITION;
                float2 uv : TEXCOORD0;
                UNITY_VERTEX_INPUT_INSTANCE_ID
            };

            struct v2f
            {
                float4 vertex : SV_POSITION;
                float2 uv : TEXCOORD0;
                UNITY_FOG_COORDS(1)
                UNITY_VERTEX_OUTPUT_STEREO
            };

            v2f vert(appdata v)
            {
                v2f o;
                UNITY_SETUP_INSTANCE_ID(v);
                UNITY_INITIALIZE_VERTEX_OUTPUT_STEREO(o);
                o.vertex = UnityObjectToClipPos(v.vertex);
                o.uv = TRANSFORM_TEX(v.uv, _MainTex);
                UNITY_TRANSFER_FOG(o, o.vertex);
                return o;
            }

            // Colours were multiplied as sRGB numbers. A linear project has decoded the product: take it apart and do it in linear.
            float3 Multiplied(float4 picture)
            {
                if (_OmotePremultiplied < 0.5) return picture.rgb * picture.a;
                #ifdef UNITY_COLORSPACE_GAMMA
                return picture.rgb;
                #else
                float3 coded = LinearToGammaSpace(picture.rgb) / max(picture.a, 1.0 / 255.0);
                return GammaToLinearSpace(saturate(coded)) * picture.a;
                #endif
            }

            float4 frag(v2f i) : SV_Target
            {
                float4 picture = tex2D(_MainTex, i.uv);
                float4 colour = float4(Multiplied(picture), picture.a);
                UNITY_APPLY_FOG_COLOR(i.fogCoord, colour, unity_FogColor * picture.a);
                return colour;
            }
            ENDCG
        }
    }
}
