// Omote's picture, unlit, with its alpha; for URP, HDRP and the built-in pipeline.
// A sub-shader whose package a project lacks is not compiled.
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
        PackageRequirements { "com.unity.render-pipelines.universal": "14.0" }
        Tags
        {
            "RenderPipeline" = "UniversalPipeline" "Queue" = "Transparent" "RenderType" = "Transparent" "IgnoreProjector" = "True" "PreviewType" = "Plane"
        }
        Blend One OneMinusSrcAlpha
        ZWrite Off

        Pass
        {
            Tags { "LightMode" = "UniversalForward" }

            HLSLPROGRAM
            #pragma target 4.5
            #pragma vertex vert
            #pragma fragment frag
            #pragma multi_compile_fog
            #pragma multi_compile_instancing
            #include "Packages/com.unity.render-pipelines.universal/ShaderLibrary/Core.hlsl"
            #include "Packages/com.unity.render-pipelines.core/ShaderLibrary/Color.hlsl"

            TEXTURE2D(_MainTex);
            SAMPLER(sampler_MainTex);

            CBUFFER_START(UnityPerMaterial)
            float4 _MainTex_ST;
            float _OmotePremultiplied;
            CBUFFER_END

            struct Attributes
            {
                float3 positionOS : POSITION;
                float2 uv : TEXCOORD0;
                UNITY_VERTEX_INPUT_INSTANCE_ID
            };

            struct Varyings
            {
                float4 positionCS : SV_POSITION;
                float2 uv : TEXCOORD0;
                float fog : TEXCOORD1;
                UNITY_VERTEX_OUTPUT_STEREO
            };

            Varyings vert(Attributes input)
            {
                Varyings output;
                UNITY_SETUP_INSTANCE_ID(input);
                UNITY_INITIALIZE_VERTEX_OUTPUT_STEREO(output);
                output.positionCS = TransformObjectToHClip(input.positionOS);
                output.fog = ComputeFogFactor(output.positionCS.z);
                output.uv = input.uv * _MainTex_ST.xy + _MainTex_ST.zw;
                return output;
            }

            // As in the pass of the built-in pipeline.
            float3 Multiplied(float4 picture)
            {
                if (_OmotePremultiplied < 0.5) return picture.rgb * picture.a;
                #ifdef UNITY_COLORSPACE_GAMMA
                return picture.rgb;
                #else
                float3 coded = LinearToSRGB(picture.rgb) / max(picture.a, 1.0 / 255.0);
                return SRGBToLinear(saturate(coded)) * picture.a;
                #endif
            }

            float4 frag(Varyings input) : SV_Target
            {
                float4 picture = SAMPLE_TEXTURE2D(_MainTex, sampler_MainTex, input.uv);
                float3 colour = MixFogColor(Multiplied(picture), unity_FogColor.rgb * picture.a, input.fog);
                return float4(colour, picture.a);
            }
            ENDHLSL
        }
    }

    SubShader
    {
        PackageRequirements { "com.unity.render-pipelines.high-definition": "14.0" }
        Tags
        {
            "RenderPipeline" = "HDRenderPipeline" "Queue" = "Transparent" "RenderType" = "Transparent" "IgnoreProjector" = "True" "PreviewType" = "Plane"
        }
        Blend One OneMinusSrcAlpha
        ZWrite Off

        Pass
        {
            Tags { "LightMode" = "ForwardOnly" }

            HLSLPROGRAM
            #pragma target 4.5
            #pragma vertex vert
            #pragma fragment frag
            #pragma multi_compile_instancing
            #include "Packages/com.unity.render-pipelines.core/ShaderLibrary/Common.hlsl"
            #include "Packages/com.unity.render-pipelines.core/ShaderLibrary/Color.hlsl"
            #include "Packages/com.unity.render-pipelines.high-definition/Runtime/ShaderLibrary/ShaderVariables.hlsl"

            TEXTURE2D(_MainTex);
            SAMPLER(sampler_MainTex);

            CBUFFER_START(UnityPerMaterial)
            float4 _MainTex_ST;
            float _OmotePremultiplied;
            CBUFFER_END

            struct Attributes
            {
                float3 positionOS : POSITION;
                float2 uv : TEXCOORD0;
                UNITY_VERTEX_INPUT_INSTANCE_ID
            };

            struct Varyings
            {
                float4 positionCS : SV_POSITION;
                float2 uv : TEXCOORD0;
                UNITY_VERTEX_OUTPUT_STEREO
            };

            Varyings vert(Attributes input)
            {
                Varyings output;
                UNITY_SETUP_INSTANCE_ID(input);
                UNITY_INITIALIZE_VERTEX_OUTPUT_STEREO(output);
                output.positionCS = TransformWorldToHClip(TransformObjectToWorld(input.positionOS));
                output.uv = input.uv * _MainTex_ST.xy + _MainTex_ST.zw;
                return output;
            }

            // As in the pass of the built-in pipeline.
            float3 Multiplied(float4 picture)
            {
                if (_OmotePremultiplied < 0.5) return picture.rgb * picture.a;
                #ifdef UNITY_COLORSPACE_GAMMA
                return picture.rgb;
                #else
                float3 coded = LinearToSRGB(picture.rgb) / max(picture.a, 1.0 / 255.0);
                return SRGBToLinear(saturate(coded)) * picture.a;
                #endif
            }

            float4 frag(Varyings input) : SV_Target
            {
                float4 picture = SAMPLE_TEXTURE2D(_MainTex, sampler_MainTex, input.uv);
                return float4(Multiplied(picture), picture.a); // not exposed: as HDRP/Unlit, it shows the colours that it has
            }
            ENDHLSL
        }
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
